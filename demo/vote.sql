-- One person, through an application's connection.
SELECT session_token FROM roughly_log_in(:'email', :'password', 'demo') \gset

BEGIN;
SELECT roughly_authenticate(:'session_token'); -- holds until the transaction ends
SELECT roughly_set_profile(:'profile');
COMMIT;

BEGIN; -- a vote has a transaction of its own: rows written together could be linked
SELECT roughly_authenticate(:'session_token');
SELECT roughly_cast_vote(:'question', :'choice');
COMMIT;
