-- All there is to read, a line per number. COPY takes no psql variables; there is one question.
COPY (
  SELECT slice, as_of, respondents, votes
    FROM roughly_questions() q, roughly_release(q.question) r, roughly_aggregate(q.question, r.by)
   WHERE choice = 'Clinton'
) TO STDOUT;
