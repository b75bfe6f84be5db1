-- The library that bench/limits.cpp makes, and a table with the least that a policy can cost.
CREATE FUNCTION first_call(path text) RETURNS void LANGUAGE c AS :'library', 'first_call';
REVOKE ALL ON FUNCTION first_call FROM PUBLIC; -- as ours
GRANT EXECUTE ON FUNCTION first_call TO roughly_app;
CREATE FUNCTION somebody() RETURNS uuid LANGUAGE c STABLE AS :'library', 'somebody';
CREATE FUNCTION be_somebody(uuid) RETURNS void LANGUAGE c STRICT AS :'library', 'be_somebody';
CREATE TABLE plain.own_profiles (LIKE plain.profiles INCLUDING ALL);
INSERT INTO plain.own_profiles SELECT * FROM plain.profiles;
ALTER TABLE plain.own_profiles ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON plain.own_profiles USING (user_id = somebody());
VACUUM ANALYZE plain.own_profiles;
