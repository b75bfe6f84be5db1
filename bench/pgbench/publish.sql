-- What a scheduler does.
CALL roughly_publish_due();
\sleep 200 ms
