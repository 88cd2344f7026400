package redisstore

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
)

// A sealer computes the MACs of rows. A MAC covers the Prefix, the kind of the
// row, its id, its names and its content. So a row opens nothing under another
// id, in another store or after a change by somebody without the key.
type sealer struct {
	scope []byte
	keys  [][]byte // derived from Config.Secrets
}

const macLength = sha256.Size

// The kinds of what is sealed.
const (
	sealedSession = 's'
	sealedKey     = 'k'
	sealedSchema  = 'v'
)

func newSealer(prefix string, secrets [][]byte) *sealer {
	s := &sealer{scope: appendText(nil, prefix)}
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte("bulwark/redisstore: rows"))
		s.keys = append(s.keys, mac.Sum(nil))
	}
	return s
}

func (s *sealer) mac(key []byte, kind byte, id, names, content string) []byte {
	in := make([]byte, 0, 64+len(s.scope)+len(id)+len(names)+len(content))
	in = append(append(in, kind), s.scope...)
	in = appendText(appendText(in, id), names)
	in = append(in, content...)
	mac := hmac.New(sha256.New, key)
	mac.Write(in)
	return mac.Sum(in[:0])
}

// seal returns the content with its MAC behind it.
func (s *sealer) seal(kind byte, id, names string, content []byte) string {
	return string(append(content, s.mac(s.keys[0], kind, id, names, string(content))...))
}

// open returns the content without its MAC, and the place of the key that the
// MAC is under. If there is no such key, the place is below zero.
func (s *sealer) open(kind byte, id, names, sealed string) (content string, place int) {
	if len(sealed) < macLength {
		return "", -1
	}
	content, given := sealed[:len(sealed)-macLength], []byte(sealed[len(sealed)-macLength:])
	for i, key := range s.keys {
		if hmac.Equal(s.mac(key, kind, id, names, content), given) {
			return content, i
		}
	}
	return "", -1
}

// sealError says that this service has not written a row as it is. The error
// holds the id of the row, so that somebody can look at the row. Ids give no
// access and may be logged.
func sealError(what, id string) error {
	return fmt.Errorf("redisstore: the row of the %s %.64q has a wrong MAC: Config.Secrets lacks the key that it was written with, or somebody else writes to Redis", what, id)
}

var errContent = errors.New("redisstore: the content of a row is of another version of this package")

// digest is the name of a list of texts, in 22 bytes. The kind keeps names of
// different kinds apart.
func digest(kind string, parts ...string) string {
	sum := wholeDigest(kind, parts)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func wholeDigest(kind string, parts []string) [sha256.Size]byte {
	in := appendText(make([]byte, 0, 256), kind)
	for _, part := range parts {
		in = appendText(in, part)
	}
	return sha256.Sum256(in)
}

func appendText(b []byte, text string) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(len(text)))
	return append(b, text...)
}
