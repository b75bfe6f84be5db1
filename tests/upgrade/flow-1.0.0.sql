-- What 1.0.0 added, after the flow of 0.2.0. It needs Citus.
\set ON_ERROR_STOP 1
\echo [distributing]
DO $$
BEGIN
  PERFORM roughly_distribute();
  RAISE 'without Citus?';
EXCEPTION WHEN object_not_in_prerequisite_state THEN
  PERFORM set_config('flow.refused', SQLERRM, false);
END $$;
SELECT current_setting('flow.refused');
