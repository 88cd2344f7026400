package jwt

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jose"
)

const (
	defaultFileCooldown = 5 * time.Second
	// settleTime is how long a new content must stay the same before it counts,
	// and settleTries how often it may still change meanwhile.
	settleTime  = 100 * time.Millisecond
	settleTries = 5
)

// KeyFile are public keys in a file: a JWK Set, a JWK (RFC 7517), or PEM as in
// [StaticKeys]. Which keys are tried for a token is also as in StaticKeys. A
// file that is missing, or that cannot be used, is an error of [New]: nobody
// knows yet whether the path is right, and without keys every token would get
// 503. KeyFile itself reads the file for the first time, and waits for it.
// After an error of New, call KeyFile again: a KeySource keeps the error of its
// first reading.
//
// The file may be replaced at any time:
//
//   - While tokens come, the file is read again once each Cooldown of c (5
//     seconds by default). No token waits for this.
//   - A token with an unknown kid makes the file be read at once, and waits for
//     it. This happens at most once each second.
//   - A changed file counts if it stays the same for 100 milliseconds.
//   - A file that is missing, empty, cut short, too large, or that holds a
//     private key does not count. The earlier keys remain, without an end, and
//     the log gets a warning at most once a minute. Tokens with an unknown kid
//     then get 503.
//
// Replace the file in one step: write a new file beside it and rename it, as
// Kubernetes does with its volumes. In a file that somebody writes slowly, a
// PEM block may be missing for a moment, and nobody can see this.
//
// Keys in PEM have no kid. After such a key has been replaced, its tokens are
// refused with 401 until the next reading.
//
// Of c only Cooldown, Timeout, MaxDocumentBytes and MaxKeys count; the other
// fields are an error. The Timeout bounds how long KeyFile and a token wait for
// the file, such as a file in a network. No goroutine and no open file stays
// after a reading.
func KeyFile(path string, c RemoteConfig) KeySource {
	found := fault.In("jwt.Keys")
	c.checkFile(found)
	f := &keyFile{
		path:     path,
		maxBytes: cmp.Or(c.MaxDocumentBytes, defaultRemoteBytes),
		maxKeys:  cmp.Or(c.MaxKeys, maxKeys),
		cooldown: cmp.Or(c.Cooldown, defaultFileCooldown),
		timeout:  cmp.Or(c.Timeout, defaultTimeout),
		start:    time.Now(),
	}
	f.context, f.cancel = context.WithCancel(context.Background())
	if f.err = found.Err(); f.err == nil {
		f.err = f.first()
	}
	return f
}

// checkFile notes the fields that do not fit a file.
func (c RemoteConfig) checkFile(found *fault.List) {
	c.check(found)
	for _, field := range []struct {
		name string
		set  bool
	}{{"Transport", c.Transport != nil}, {"RootCAs", c.RootCAs != nil}, {"InsecureHTTP", c.InsecureHTTP}, {"MaxStale", c.MaxStale != 0}} {
		if field.set {
			found.Add(field.name, "", "must be left out: KeyFile reads a file and fetches nothing")
		}
	}
}

// first reads the file when the program starts.
func (f *keyFile) first() error {
	type result struct {
		content *content
		err     error
	}
	read := make(chan result, 1)
	go func() {
		var r result
		defer func() { read <- r }()
		r.err = errFilePanic
		r.content, r.err = f.load()
	}()
	late := time.NewTimer(f.timeout)
	defer late.Stop()
	var r result
	select {
	case r = <-read:
	case <-late.C:
		r.err = f.slow()
	}
	if r.err != nil {
		found := fault.In("jwt.Keys")
		found.Add("Path", f.path, r.err.Error())
		return found.Err()
	}
	f.held.Store(r.content.keys)
	f.due.Store(int64(time.Since(f.start) + f.cooldown))
	f.state.good, f.state.seen = r.content.sum, r.content.sum
	return nil
}

// content is what a file has held.
type content struct {
	sum  [sha256.Size]byte
	keys *jose.KeySet
}

// load reads and parses the file.
func (f *keyFile) load() (*content, error) {
	text, err := f.read()
	if err != nil {
		return nil, err
	}
	keys, err := f.parse(text)
	return &content{sha256.Sum256(text), keys}, err
}

// settled reads the file until two readings are the same, unless the content is
// that of the last reading.
func (f *keyFile) settled(ctx context.Context, seen [sha256.Size]byte) ([]byte, error) {
	text, err := f.read()
	if err != nil || sha256.Sum256(text) == seen {
		return text, err
	}
	timer := time.NewTimer(settleTime)
	defer timer.Stop()
	for range settleTries {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, errClosed
		}
		again, err := f.read()
		if err != nil || bytes.Equal(again, text) {
			return again, err
		}
		text = again
		timer.Reset(settleTime)
	}
	return nil, errors.New("the file changes all the time; write another file and rename it")
}

// read returns the content of the file, within the bounds.
func (f *keyFile) read() ([]byte, error) {
	// A named pipe or device would not end, and opening it could wait for ever.
	if err := regular(os.Stat(f.path)); err != nil {
		return nil, err
	}
	file, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := regular(file.Stat()); err != nil { // it may have been replaced
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, f.maxBytes+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > f.maxBytes {
		return nil, tooLongError(f.maxBytes)
	}
	return text, nil
}

func regular(info os.FileInfo, err error) error {
	if err == nil && !info.Mode().IsRegular() {
		return errors.New("is not a regular file; write the path of a file with a JWK Set or PEM")
	}
	return err
}

// parse reads the keys in a text.
func (f *keyFile) parse(text []byte) (*jose.KeySet, error) {
	all, err := staticBytes(text, f.maxKeys)
	if tooMany := (*jose.TooManyKeysError)(nil); errors.As(err, &tooMany) {
		return nil, fmt.Errorf("%w; RemoteConfig.MaxKeys is their bound", tooMany)
	}
	if err != nil {
		return nil, err
	}
	keys := jose.NewKeySet(all)
	for name, a := range jose.Algorithms() {
		if n := keys.NamelessFor(a); n > jose.MaxTries {
			return nil, fmt.Errorf("has %d keys without a kid for %s; at most %d can be tried: give them kids, as JWKs", n, name, jose.MaxTries)
		}
	}
	return keys, nil
}

func (f *keyFile) slow() error {
	return fmt.Errorf("cannot be read within RemoteConfig.Timeout, which is %v", f.timeout)
}

var errFilePanic = errors.New("cannot be read")
