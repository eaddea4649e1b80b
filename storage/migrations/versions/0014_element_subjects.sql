-- Whose identity number an element asks a third party about: wrong tries are counted by it, whoever
-- submits them. Written with the element; without a number the applicant alone counts.
create table element_subjects (
    element_id          opaque_id primary key references elements,
    identity_number_idx bytea not null
);
create index element_subjects_by_number on element_subjects (identity_number_idx);
