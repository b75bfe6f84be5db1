-- What each person does, a line of psql per person in order of arrival.
SELECT format('\set email %L \set profile %L \set choice %L \i demo/vote.sql', email,
         jsonb_build_object('birth_year', birth_year,
           'extra', to_jsonb(p) - '{arrival,email,birth_year,age_band,choice}'::text[]), choice)
  FROM scratch.people p ORDER BY arrival;
