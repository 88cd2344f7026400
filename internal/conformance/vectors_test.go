package conformance_test

import (
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/bulwark-go/bulwark/internal/jose"
	"github.com/c2sp/wycheproof"
)

// fileNames are the files of Wycheproof about JOSE, all of them.
var fileNames = []string{"json_web_signature", "json_web_key", "json_web_crypto", "json_web_encryption"}

// A vectorFile is one file of Wycheproof.
type vectorFile struct {
	name          string
	NumberOfTests int
	TestGroups    []group
}

// A group is vectors with one key or key set.
type group struct {
	Comment string
	Public  json.RawMessage // what a verifier is given, JWK or JWK Set; nil where there are secrets
	Private json.RawMessage
	Tests   []vector
}

// A vector is one token and what is to be thought of it.
type vector struct {
	ID       int `json:"tcId"`
	Comment  string
	Result   string // "valid" or "invalid"
	JWS, JWE json.RawMessage
}

// readVectors reads a file, all of it: a part would show nothing.
func readVectors(t testing.TB, name string) vectorFile {
	t.Helper()
	text, err := fs.ReadFile(wycheproof.TestVectors, name+"_test.json")
	if err != nil {
		t.Fatal(err)
	}
	file := vectorFile{name: name}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, g := range file.TestGroups {
		count += len(g.Tests)
		for _, v := range g.Tests {
			if (v.JWS == nil) == (v.JWE == nil) || v.Result != "valid" && v.Result != "invalid" {
				t.Fatalf("%s tc%d is of another form", name, v.ID)
			}
		}
	}
	if count == 0 || count != file.NumberOfTests {
		t.Fatalf("%s has %d vectors and names %d", name, count, file.NumberOfTests)
	}
	return file
}

// find returns a vector and its group.
func (file vectorFile) find(t testing.TB, id int) (group, vector) {
	t.Helper()
	for _, g := range file.TestGroups {
		for _, v := range g.Tests {
			if v.ID == id {
				return g, v
			}
		}
	}
	t.Fatalf("%s has no tc%d", file.name, id)
	return group{}, vector{}
}

// encrypted reports whether the vector is a JWE, which nothing of ours reads.
func (v vector) encrypted() bool { return v.JWE != nil }

func (v vector) valid() bool { return v.Result == "valid" }

// token is the token as it would come with a request. One in the JSON
// serialization is an object in some files and text in others.
func (v vector) token() string {
	raw := v.JWS
	if v.encrypted() {
		raw = v.JWE
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// keySet reads the keys of the group as a service would configure them: secrets
// one by one, all others as the JWK or JWK Set that they are.
func (g group) keySet() (*jose.KeySet, error) {
	keys, ok := secrets(g.Private)
	if g.Public != nil || !ok {
		text := g.Public
		if text == nil {
			text = g.Private
		}
		var err error
		if keys, err = jose.ParseKeys(text, 100); err != nil {
			return nil, err
		}
	}
	return jose.NewKeySet(keys), nil
}

// jwk are the members of a JWK that a secret has.
type jwk struct {
	KeyType   string `json:"kty"`
	Secret    string `json:"k"`
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
}

// secrets returns the keys of a JWK or JWK Set where all of them are secrets.
// They never come through ParseKeys, which refuses them.
func secrets(text json.RawMessage) ([]*jose.Key, bool) {
	var set struct {
		jwk
		Keys []jwk
	}
	if json.Unmarshal(text, &set) != nil {
		return nil, false
	}
	if set.Keys == nil {
		set.Keys = []jwk{set.jwk}
	}
	var keys []*jose.Key
	for _, k := range set.Keys {
		secret, err := base64.RawURLEncoding.DecodeString(k.Secret)
		if err != nil || k.KeyType != "oct" {
			return nil, false
		}
		key := jose.NewSecret(secret)
		key.ID, key.Algorithm = k.KeyID, k.Algorithm
		keys = append(keys, key)
	}
	return keys, true
}
