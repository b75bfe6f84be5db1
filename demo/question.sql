SELECT format('"%s" by %s', prompt, array_to_string(dimensions, ', ')) || E'\n' ||
       format('k = %s, at most %s dimensions at a time; a release when the people counted have doubled', k, max_dims)
  FROM roughly_questions();
