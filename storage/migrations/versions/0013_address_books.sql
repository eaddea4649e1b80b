-- The address book of an element that has no verdict yet: erased with the verdict, with the end of
-- the application and with the consent. Until now it was part of the element's data, and no product
-- that was shipped took one.
create table address_books (
    element_id     opaque_id primary key references elements,
    book_enc       bytea not null
);

-- What an applicant says of himself needs a consent of its own; `contacts_check` is for comparing.
alter table consents drop constraint consents_purpose_check;
alter table consents add constraint consents_purpose_check check (purpose in (
    'identity_verification', 'operator_query', 'operator_report', 'personal_information',
    'contacts_check', 'face_recognition', 'bank_card_verification', 'bureau_query', 'data_import',
    'credit_analysis'));
