package sqlstore

import (
	"bytes"
	"io/fs"
)

// A migrationFS is the folder of a dialect with other names in its files.
type migrationFS struct {
	folder fs.FS
	d      dialect
	prefix string
}

// Open implements [fs.FS].
func (m migrationFS) Open(name string) (fs.File, error) {
	file, err := m.folder.Open(name)
	if err != nil {
		return nil, err
	}
	if folder, ok := file.(fs.ReadDirFile); ok && name == "." {
		return migrationDir{folder, m}, nil
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	text, err := fs.ReadFile(m.folder, name)
	if err != nil {
		return nil, err
	}
	text = []byte(m.d.qualified(string(text), m.prefix))
	return &migrationFile{bytes.NewReader(text), migrationInfo{info, int64(len(text))}}, nil
}

// A migrationDir is the folder, which knows the length of its files.
type migrationDir struct {
	fs.ReadDirFile
	m migrationFS
}

func (d migrationDir) ReadDir(n int) ([]fs.DirEntry, error) {
	entries, err := d.ReadDirFile.ReadDir(n)
	for i, entry := range entries {
		info, failed := fs.Stat(d.m, entry.Name())
		if failed != nil {
			return nil, failed
		}
		entries[i] = fs.FileInfoToDirEntry(info)
	}
	return entries, err
}

type migrationFile struct {
	*bytes.Reader
	info migrationInfo
}

func (f *migrationFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *migrationFile) Close() error               { return nil }

// A migrationInfo has the length of the file with its names.
type migrationInfo struct {
	fs.FileInfo
	size int64
}

func (i migrationInfo) Size() int64 { return i.size }
