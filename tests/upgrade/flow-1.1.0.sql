-- What 1.1.0 added, after the flow of 1.0.0. It needs PL/Proxy.
\set ON_ERROR_STOP 1
\echo [partitioning]
DO $$
BEGIN
  PERFORM roughly_partition('votes');
  RAISE 'without PL/Proxy?';
EXCEPTION WHEN object_not_in_prerequisite_state THEN
  PERFORM set_config('flow.refused', SQLERRM, false);
END $$;
SELECT current_setting('flow.refused');
SELECT roughly.node_number('00000007-0000-4000-8000-000000000000');
