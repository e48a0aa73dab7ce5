#!/bin/bash
# Makes the two roles of the collector when the database is new; the image of PostgreSQL
# runs it. The passwords come from the files that the collector itself reads, one line
# HOST:PORT:DATABASE:USER:PASSWORD each.
set -euo pipefail
password() { cut -d : -f 5 "/run/secrets/$1"; }
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname "$POSTGRES_DB" \
	--set owner="$(password collector_database)" --set intake="$(password intake_database)" --set db="$POSTGRES_DB" <<'SQL'
CREATE ROLE rollbridge LOGIN PASSWORD :'owner';
CREATE ROLE rollbridge_intake LOGIN PASSWORD :'intake';
ALTER DATABASE :"db" OWNER TO rollbridge;
ALTER SCHEMA public OWNER TO rollbridge;
SQL
