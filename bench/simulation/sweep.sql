-- What a scheduler does.
SELECT bench.cpu() AS start, extract(epoch FROM clock_timestamp()) AS began \gset
CALL roughly_publish_due();
SELECT bench.swept(:began, bench.cpu() - :start);
\sleep 1 s
