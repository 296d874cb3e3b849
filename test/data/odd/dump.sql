INSERT INTO patients VALUES (1,'Ann');
