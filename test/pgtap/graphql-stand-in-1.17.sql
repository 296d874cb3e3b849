-- Every kind of call, sent to the stand-in of 1.17.
\set model 1.17
\ir graphql-stand-in.psql
