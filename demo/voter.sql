-- One person comes back.
SELECT session_token FROM roughly_log_in(:'email', :'password', 'demo') \gset
\pset footer off
\o /dev/null
BEGIN;
SELECT roughly_authenticate(:'session_token');
\o
\echo '=> SELECT prompt, choice, voted_on FROM roughly_my_answers();'
SELECT prompt, choice, voted_on FROM roughly_my_answers();
\echo '=> SELECT roughly_cast_vote(question, \'Clinton\');'
SELECT roughly_cast_vote(:'question', 'Clinton');
ROLLBACK;
