package recipes

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// signJS is what the issuer runs. It reads the private key, and prints a token.
const signJS = `
const fs = require("fs");
const jsonwebtoken = require("jsonwebtoken");

const key = fs.readFileSync("private.pem");
const token = jsonwebtoken.sign({ role: "editor" }, key, {
  algorithm: "RS256",
  issuer: "https://login.example.com",
  audience: "https://api.example.com",
  subject: "alice",
  expiresIn: "15m",
});
console.log(token);
`

// typedJS is the option that gives a token the type of an access token.
const typedJS = `
  header: { typ: "at+jwt" },
`

// signedByNode runs a script of node with jsonwebtoken in a folder that has the
// private key.
func signedByNode(t *testing.T, script string, privatePEM []byte) string {
	t.Helper()
	modules, err := filepath.Abs("../node_modules")
	if err != nil {
		t.Fatal(err)
	}
	node, err := exec.LookPath("node")
	if _, missing := os.Stat(filepath.Join(modules, "jsonwebtoken")); err != nil || missing != nil {
		if os.Getenv("BULWARK_BROWSER") == "required" {
			t.Fatal("needs node, and npm ci --ignore-scripts in internal/e2e")
		}
		t.Skip("needs node, and npm ci --ignore-scripts in internal/e2e")
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "private.pem"), privatePEM, 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	run := exec.CommandContext(t.Context(), node, "-e", script)
	run.Dir, run.Env, run.Stderr = folder, append(os.Environ(), "NODE_PATH="+modules), &said
	token, err := run.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, &said)
	}
	return strings.TrimSpace(string(token))
}

func TestTokensOfJSONWebToken(t *testing.T) {
	key := newIssuerKey(t)
	token := signedByNode(t, signJS, key.privatePEM)
	typed := signedByNode(t, strings.Replace(signJS, "  issuer:", typedJS+"  issuer:", 1), key.privatePEM)
	plain, strict := key.service(t, tokenConfig), key.service(t, accessTokenConfig)

	if got, e := plain.ask(t, token); got != "200 alice editor" || e != nil {
		t.Errorf("the token of jsonwebtoken: %s, %+v", got, e)
	}
	if got, e := strict.ask(t, typed); got != "200 alice editor" || e != nil {
		t.Errorf("the token of jsonwebtoken with a type: %s, %+v", got, e)
	}
	if got, e := strict.ask(t, token); got != "401" || e == nil || e.Reason != "type" {
		t.Errorf("the token of jsonwebtoken without a type: %s, %+v", got, e)
	}
}
