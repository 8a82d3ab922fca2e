SELECT person_id, E'a\'b', $$c$$, U&'d' FROM person -- e
/* f */