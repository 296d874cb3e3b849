-- Every kind of call, sent to the stand-in of 2.19.
\set model 2.19
\ir graphql-stand-in.psql
