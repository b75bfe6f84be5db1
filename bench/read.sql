-- As app: what is published of the poll :'question' of 10^6 votes. The view d5 has 6 cells of 5 choices: 30 rows.
SELECT string_agg(format('PERFORM * FROM roughly_aggregate(%L, %L)', :'question', view), '; ') AS ours,
       string_agg(format('PERFORM %s, count(*) FROM plain.ballots GROUP BY %1$s', columns), '; ') AS group_bys,
       format('PERFORM d1, d2, d3, d4, d5, d6, choice, count(*) FROM plain.ballots GROUP BY GROUPING SETS (%s)', string_agg('(' || columns || ')', ', ')) AS grouping_sets,
       format('PERFORM * FROM roughly_aggregate(%L, ''{d5}'')', :'question') AS slice,
       format('PERFORM slice, choice, votes, respondents, share, low, high, as_of FROM plain.cells WHERE question = %L AND view = ''d5''', :'question') AS plain_slice
  FROM bench.views \gset
SELECT bench.compare('read a published view of 30 rows: CPU', 'the same rows by index, prepared', '<= 1.0x', :'plain_slice', :'slice', 5000) \gexec
SELECT bench.compare('a slice of a poll with 10^6 votes', 'GROUP BY on plain rows', '>= 1,000x',
  'PERFORM d5, choice, count(*) FROM plain.ballots GROUP BY d5, choice', :'slice', 1, 5000) \gexec
SELECT bench.compare('all slices of it, 22 views', '22 GROUP BYs', '>= 1,000x', :'group_bys', :'ours', 1, 200) \gexec
SELECT bench.compare('all slices of it, 22 views', 'one query with GROUPING SETS', '>= 1,000x', :'grouping_sets', :'ours', 1, 200) \gexec
