-- task: 4
-- check: the indexes leave the memory to the rows
-- trigger: Memory usage issues
-- point: before the check
-- reason: an index takes more memory than the table it serves
CREATE INDEX idx_fat ON organizations ((
    md5(id::TEXT) || md5(name) || md5(name || 'a') || md5(name || 'b') || md5(name || 'c') || md5(name || 'd')
    || md5(name || 'e') || md5(name || 'f') || md5(name || 'g') || md5(name || 'h') || md5(name || 'i')
    || md5(name || 'j') || md5(name || 'k') || md5(name || 'l') || md5(name || 'm') || md5(name || 'n')
    || md5(name || 'o') || md5(name || 'p') || md5(name || 'q') || md5(name || 'r') || md5(name || 's')
));
