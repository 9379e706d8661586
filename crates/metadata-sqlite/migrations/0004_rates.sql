-- How many bytes a second an account's devices may move together: NULL, what holds for everybody; 0, as many as they can.
ALTER TABLE user ADD COLUMN upload_rate INTEGER;
ALTER TABLE user ADD COLUMN download_rate INTEGER;
