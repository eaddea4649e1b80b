-- Tables are called what people call their rows: authorised data imports, external assessments.

alter table captures rename to data_imports;
alter table capture_codes rename to data_import_codes;
alter table external_opinions rename to external_assessments;
