\echo Use "ALTER EXTENSION roughly_auth UPDATE" to load this file. \quit

-- 1.2.1 is a new library only.
