-- GET /v1/messages without a filter reads the newest first.
create index customer_messages_by_time on customer_messages (created_at, id);
