package sqlstore

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// A digest stands for an id in a row and in an index, so that an id of any
// bytes and any length takes 32 bytes.
type digest [sha256.Size]byte

// digestOf returns the digest of texts of the kind. The kinds never share a
// digest. The length of each text comes first, so that two lists of texts never
// have the same input.
func digestOf(kind string, texts ...string) digest {
	var room [512]byte
	in := appendText(room[:0], "bulwark sqlstore "+kind)
	for _, text := range texts {
		in = appendText(in, text)
	}
	return sha256.Sum256(in)
}

// filterOf is the half of a digest that a filter compares. It is nil, which is
// NULL, for an empty text.
func filterOf(kind string, texts ...string) []byte {
	if texts[len(texts)-1] == "" {
		return nil
	}
	return always(kind, texts...)
}

// always is filterOf for a text that may be empty.
func always(kind string, texts ...string) []byte {
	d := digestOf(kind, texts...)
	return d[:16]
}

// null is a parameter. A nil slice in an interface is not always NULL.
func null(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// A seal computes and checks the MACs of rows.
type seal struct{ keys [][]byte }

func sealOf(c Config) seal {
	var s seal
	for _, secret := range c.Secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write(appendText([]byte("bulwark sqlstore row"), c.Prefix))
		s.keys = append(s.keys, mac.Sum(nil))
	}
	return s
}

func macOf(key, row []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(row)
	return mac.Sum(nil)
}

// mac returns the MAC of what a row grants, under the newest secret.
func (s seal) mac(row []byte) []byte { return macOf(s.keys[0], row) }

// half is the length of the MAC of a single number, which is kept shortened.
const half = sha256.Size / 2

// check returns an error unless the MAC of the given length is that of the row,
// under any secret.
func (s seal) check(table string, d digest, row, mac []byte, length int) error {
	if len(mac) == length {
		for _, key := range s.keys {
			if hmac.Equal(macOf(key, row)[:length], mac) {
				return nil
			}
		}
	}
	return badRow(table, d)
}

// badRow is the error for a row that the service has not written. It names the
// row by the begin of its digest, by which nobody finds the id.
func badRow(table string, d digest) error {
	return fmt.Errorf("the row %s… of the table %s is not as this service has written it: "+
		"add the older key to sqlstore.Config.Secrets if a key was rotated; otherwise somebody has changed the row", hex.EncodeToString(d[:8]), table)
}

func appendText[T string | []byte](b []byte, text T) []byte {
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

// appendInt keeps the order of what is joined by its fixed length.
func appendInt(b []byte, n int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(n)) }
