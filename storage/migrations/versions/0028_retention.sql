-- Stored answers are deleted by their age.
create index api_requests_by_age on api_requests (created_at);
