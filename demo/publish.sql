CALL roughly_publish_due();
SELECT coalesce(max(release), 0) FROM roughly_release(:'question');
