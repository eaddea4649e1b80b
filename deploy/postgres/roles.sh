#!/bin/sh
# Runs once, on an empty volume. Two roles that cannot read each other's databases: Temporal's
# makes its own two databases by its schema tool, ours is made here.
set -e

psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
\getenv temporal_password TEMPORAL_DATABASE_PASSWORD
\getenv loanflow_password LOANFLOW_DATABASE_PASSWORD
create role temporal login createdb password :'temporal_password';
create role loanflow login password :'loanflow_password';
create database loanflow owner loanflow;
revoke connect on database loanflow from public;
SQL
