-- A newer key. The procedure commits, so it pins its search_path inside.
CREATE PROCEDURE roughly_rotate_key()
  AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE roughly_rotate_key() IS
  'Makes the key file''s newest key the active one, adding one to the file when it has none newer, and seals anew what was sealed with an older key, in small transactions beside the traffic. A call that was interrupted is continued by the next. Sessions and mailed links keep their key until they end. Errors: 25001 inside a transaction block, 55P03 another call is under way, 58P01 and F0000 key file, XX001 some values do not open and still need an older key.';
