package jose

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// ParseKeySet reads a JWK Set (RFC 7517 section 5) of at most so many keys. One
// strange key does not make the set useless: a key of another type, a weak key,
// a key for encryption and a key that cannot be read are left out. A secret or
// private key refuses the whole set: it has been published, and everybody who
// has read it can sign tokens.
func ParseKeySet(body []byte, most int) ([]*Key, error) {
	list, isSet, err := split(body)
	if err != nil {
		return nil, fmt.Errorf("read the key set: %w", err)
	}
	if !isSet {
		return nil, errors.New("the document is not a JWK Set: it has no list \"keys\" (RFC 7517 section 5)")
	}
	return readAll(list, most)
}

// ParseKeys reads a JWK Set as ParseKeySet does, or one JWK.
func ParseKeys(body []byte, most int) ([]*Key, error) {
	list, isSet, err := split(body)
	if err != nil {
		return nil, fmt.Errorf("read the key set: %w", err)
	}
	if !isSet {
		list = []json.RawMessage{body}
	}
	return readAll(list, most)
}

// ErrPrivate refuses keys that only their owner may have.
var ErrPrivate = errors.New("the key set holds a secret or private key")

func readAll(list []json.RawMessage, most int) ([]*Key, error) {
	if len(list) > most {
		return nil, &TooManyKeysError{Keys: len(list), Most: most}
	}
	for _, text := range list {
		if holdsSecret(text) {
			return nil, ErrPrivate
		}
	}
	var keys []*Key
	unusable := errors.New("it has no keys")
	for _, text := range list {
		k, err := readKey(text)
		if err != nil {
			unusable = err
			continue
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("no usable key in the key set: %w", unusable)
	}
	return keys, nil
}

// A TooManyKeysError refuses a set of more keys than are accepted.
type TooManyKeysError struct{ Keys, Most int }

// Error says how many keys there are, and how many may be.
func (e *TooManyKeysError) Error() string {
	return fmt.Sprintf("the key set has %d keys, more than the %d that are accepted", e.Keys, e.Most)
}

// split cuts a document into its keys, and reports whether it is a set of them.
// Each key is decoded strictly afterwards, on its own: what is wrong inside one
// of them, such as a member that is there twice, is about that key only.
func split(body []byte) (list []json.RawMessage, isSet bool, err error) {
	err = walk(body, func(name string, value json.RawMessage) error {
		if name != "keys" || isNull(value) {
			return nil
		}
		if isSet {
			return errors.New("it has \"keys\" twice")
		}
		isSet = true
		if json.Unmarshal(value, &list) != nil {
			return errors.New("its \"keys\" are not a list")
		}
		return nil
	})
	return list, isSet, err
}

// walk calls f for each member of an object, in the order of the document, also
// where two have one name.
func walk(object []byte, f func(name string, value json.RawMessage) error) error {
	decoder := json.NewDecoder(bytes.NewReader(object))
	first, err := decoder.Token()
	if err != nil {
		return unreadable(err)
	}
	if first != json.Delim('{') {
		return errors.New("the document is not a JSON object")
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return unreadable(err)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return unreadable(err)
		}
		text, _ := name.(string) // in an object nothing else stands before a value
		if err := f(text, value); err != nil {
			return err
		}
	}
	if _, err := decoder.Token(); err != nil {
		return unreadable(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more behind the JSON object")
	}
	return nil
}

// unreadable keeps what encoding/json quotes of the document out of the log.
func unreadable(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("invalid syntax at byte %d", syntax.Offset)
	}
	return errors.New("invalid syntax: the document ends too early")
}

func isNull(value json.RawMessage) bool { return bytes.Equal(bytes.TrimSpace(value), []byte("null")) }

// holdsSecret looks for the members that only a secret or private key has (RFC
// 7518 sections 6.2.2, 6.3.2 and 6.4), with something in them: a null and an
// empty text are not key material. The empty k of a key of type oct is: it is a
// secret that everybody knows.
func holdsSecret(key json.RawMessage) bool {
	found := map[string]bool{}
	kty, emptyK := "", false
	_ = walk(key, func(name string, value json.RawMessage) error { // what is not an object holds nothing
		var text string
		isText := !isNull(value) && json.Unmarshal(value, &text) == nil
		switch {
		case name == "kty":
			kty = text
		case name == "k" && isText && text == "":
			emptyK = true
		case isText && text != "", name == "oth" && len(value) > 0 && value[0] == '[' && len(bytes.TrimSpace(value[1:])) > 1:
			found[name] = true
		}
		return nil
	})
	for _, name := range secretMembers {
		if found[name] && (!shared(name) || known(kty)) {
			return true
		}
	}
	return emptyK && kty == "oct"
}

// secretMembers are what only a secret or private key has; the last is that of
// keys of the type AKP, for ML-DSA.
var secretMembers = [...]string{"d", "k", "p", "q", "dp", "dq", "qi", "oth", "priv"}

// shared reports whether a name may be that of a public number in keys of a
// type that RFC 7518 does not know, such as p and q of DSA.
func shared(name string) bool { return name != "d" && name != "k" && name != "priv" }

// known reports whether the names of members mean what RFC 7518 says. They are
// taken to do so where there is no type.
func known(kty string) bool {
	switch kty {
	case "", "RSA", "EC", "OKP", "oct":
		return true
	}
	return false
}

// readKey reads one public key that is meant for checking signatures. A member
// that is null is one that is not there.
func readKey(text json.RawMessage) (*Key, error) {
	value, err := jsondoc.DecodeValue(text, jsondoc.Limits{Bytes: len(text), Depth: 32, Keys: len(text), Items: len(text), Values: len(text)})
	if err != nil {
		return nil, fmt.Errorf("the key is not strict JSON: %w", err)
	}
	members, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("a key is not a JSON object")
	}
	maps.DeleteFunc(members, func(_ string, value any) bool { return value == nil })
	kid, isText := textOf(members, "kid")
	if !isText {
		return nil, errors.New("the kid is not a string")
	}
	alg, isText := textOf(members, "alg")
	if !isText {
		return nil, errors.New("the alg is not a string")
	}
	if !forSignatures(members) {
		return nil, errors.New("the use or key_ops are not those of checking signatures")
	}
	public, err := publicOf(members)
	if err != nil {
		return nil, err
	}
	k, err := NewKey(kid, alg, public)
	if err != nil {
		return nil, err
	}
	if issuer, there := members["issuer"]; there {
		text, _ := issuer.(string) // what is not a text names nobody
		k.Issuers = []string{text}
	}
	return k, nil
}

// textOf returns a member that is a string, or missing. Null is missing.
func textOf(members map[string]any, name string) (string, bool) {
	text, isText := members[name].(string)
	return text, isText || members[name] == nil
}

// forSignatures reports whether a key is meant for checking signatures (RFC
// 7517 sections 4.2 and 4.3).
func forSignatures(members map[string]any) bool {
	use, isText := textOf(members, "use")
	if !isText || use != "" && use != "sig" {
		return false
	}
	value := members["key_ops"]
	operations, isList := value.([]any)
	if value == nil || isList && len(operations) == 0 {
		return true
	}
	for _, operation := range operations {
		if operation == "verify" {
			return true
		}
	}
	return false
}
