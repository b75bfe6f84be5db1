SELECT format('  after %-10s release %2s   %4s people counted, %3s one-way and %3s two-way slices shown', :'when', max(release),
         (SELECT max(respondents) FROM roughly_aggregate(:'question')),
         coalesce(sum(cells) FILTER (WHERE cardinality(by) = 1), 0),
         coalesce(sum(cells) FILTER (WHERE cardinality(by) = 2), 0))
  FROM roughly_release(:'question');
