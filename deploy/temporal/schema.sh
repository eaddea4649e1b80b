#!/bin/sh
# Makes Temporal's two databases and brings their schemas to the version of this image.
# Connection and plugin come from SQL_*. Safe to repeat: what is there already is left alone.
set -eu

prepare() {
    database=$1
    versions=/etc/temporal/schema/postgresql/v12/$2/versioned
    temporal-sql-tool --db "$database" create
    temporal-sql-tool --db "$database" setup-schema -v 0.0
    temporal-sql-tool --db "$database" update-schema -d "$versions"
}

prepare temporal temporal
prepare temporal_visibility visibility
