-- The pictures inside elements, which are sealed: what each is, and a keyed digest of it, by which
-- the same picture is found again. A plain one would let two databases be joined by a face.
create table element_pictures (
    element_id     opaque_id not null references elements,
    place          text not null check (place ~ '^(front|back|frames\.[0-9]{1,2})$'),
    media_type     text not null check (media_type in ('image/jpeg', 'image/png', 'image/webp')),
    width          integer not null check (width > 0),
    height         integer not null check (height > 0),
    bytes          integer not null check (bytes > 0),
    content_idx    bytea not null check (octet_length(content_idx) = 32),
    primary key (element_id, place)
);
create index element_pictures_by_content on element_pictures (content_idx);
