package apikey

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A keyFile is the file of a [FileStore]. One goroutine at a time uses it.
type keyFile struct {
	path string
	lock *os.File
	last fs.FileInfo // of the file that we have read or written
	// sync makes the content of a file, or the names of a folder, durable.
	sync func(*os.File) error
	most int // bytes
}

// openKeyFile locks and reads the file, or makes it.
func openKeyFile(path string, max int) (k *keyFile, t table, err error) {
	if path == "" {
		return nil, t, errors.New("the path is empty")
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, t, err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a rename would put a file in place of the link
	} else if info, failed := os.Lstat(path); failed == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, t, fmt.Errorf("%s is a link to a file that is not there: %w", path, err)
	}
	k = &keyFile{path: path, sync: (*os.File).Sync, most: mostBytes(max)}
	if k.lock, err = lockFile(path + ".lock"); err != nil {
		return nil, t, err
	}
	if t, err = k.read(max); err != nil {
		return nil, t, errors.Join(err, k.close())
	}
	return k, t, nil
}

// read returns the content of the file. If there is no file, read makes one.
func (k *keyFile) read(max int) (t table, err error) {
	file, err := os.Open(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		content, err := contentOf(&t, change{}, fileLines{})
		if err == nil {
			_, err = k.replace(content)
		}
		return t, err
	}
	if err != nil {
		return t, err
	}
	defer file.Close()
	if k.last, err = file.Stat(); err != nil {
		return t, err
	}
	if !k.last.Mode().IsRegular() {
		return t, fmt.Errorf("%s is not a regular file", k.path)
	}
	src, err := io.ReadAll(io.LimitReader(file, int64(mostBytes(max))+1))
	if err != nil {
		return t, err
	}
	if t, err = readContent(src, max); err != nil {
		return t, fmt.Errorf("%s cannot be used: %w; restore it from a copy, or move it away to begin without keys", k.path, err)
	}
	return t, nil
}

// replace puts a file with the content in the place of the file, and reports
// whether it has done so. It may report true beside an error: then nobody knows
// whether the new file outlasts a loss of power.
func (k *keyFile) replace(content []byte) (replaced bool, err error) {
	if err := k.ours(); err != nil {
		return false, err
	}
	if len(content) > k.most { // nobody could read it again
		return false, fmt.Errorf("it would have %d bytes; the max of OpenFile allows %d", len(content), k.most)
	}
	next := k.path + ".new"
	info, err := k.writeNew(next, content)
	if err == nil {
		err = os.Rename(next, k.path)
	}
	if err != nil {
		os.Remove(next)
		return false, err
	}
	k.last = info
	folder, err := os.Open(filepath.Dir(k.path))
	if err != nil {
		return true, err
	}
	defer folder.Close()
	return true, k.sync(folder)
}

// writeNew writes a file that nobody else has, and waits until the disk has it.
func (k *keyFile) writeNew(name string, content []byte) (info fs.FileInfo, err error) {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) { // a rest of a process that was killed
		return nil, err
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(content); err != nil {
		return nil, err
	}
	if err := k.sync(file); err != nil {
		return nil, err
	}
	return file.Stat()
}

// ours returns an error if the file is not the one that we have read or written
// last. Another process would lose its changes, or ours would be lost.
func (k *keyFile) ours() error {
	now, err := os.Stat(k.path)
	switch {
	case k.last == nil && errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case k.last == nil || !os.SameFile(now, k.last) || !now.ModTime().Equal(k.last.ModTime()) || now.Size() != k.last.Size():
		return fmt.Errorf("somebody else has changed %s; stop the other process, and open the file again", k.path)
	}
	return nil
}

func (k *keyFile) close() error { return k.lock.Close() }
