\echo Use "ALTER EXTENSION roughly_auth UPDATE" to load this file. \quit

-- The library alone changed.
