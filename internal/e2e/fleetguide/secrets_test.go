package fleetguide

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/redisstore"
)

const makeSecrets = `
umask 077
openssl genpkey -algorithm ED25519 -out signing.pem
for name in store-key pepper deployment; do openssl rand -base64 32 >$name; done
`

// signingKey reads a private key in PEM. An error does not hold the content.
func signingKey(file string) (crypto.Signer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s holds a key that cannot sign", file)
	}
	return signer, nil
}

// secretKey reads at least 32 random bytes, written as base64.
func secretKey(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) < 32 {
		return nil, fmt.Errorf("%s must hold at least 32 bytes in base64", file)
	}
	return key, nil
}

// readSecrets reads what all processes share from a folder of the secret store.
func readSecrets(folder string, c *Common) (deployment []byte, err error) {
	var errs [4]error
	c.SigningKey, errs[0] = signingKey(filepath.Join(folder, "signing.pem"))
	c.StoreKey, errs[1] = secretKey(filepath.Join(folder, "store-key"))
	c.Pepper, errs[2] = secretKey(filepath.Join(folder, "pepper"))
	deployment, errs[3] = secretKey(filepath.Join(folder, "deployment"))
	return deployment, errors.Join(errs[:]...)
}

// deploymentKeys are the Secrets of each step. Step 0 is before the change.
func deploymentKeys(step int, old, next []byte) [][]byte {
	switch step {
	case 1: // accept rows of the new key
		return [][]byte{old, next}
	case 2: // write rows with the new key
		return [][]byte{next, old}
	case 3: // refuse the rows of the old key
		return [][]byte{next}
	}
	return [][]byte{old}
}

func TestSecretsOfAllProcesses(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is missing: install openssl (apt-get install openssl)")
	}
	folder := t.TempDir()
	cmd := exec.Command("sh", "-euc", makeSecrets)
	cmd.Dir = folder
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	first, second := alone(), alone()
	for _, c := range []*Common{&first, &second} {
		if _, err := readSecrets(folder, c); err != nil {
			t.Fatal(err)
		}
	}
	second.Sessions, second.Keys = first.Sessions, first.Keys
	one, two := run(t, first), run(t, second)
	login, _ := one.login("alice")
	two.want(204, "a login of a process with the same secrets", login...)
	two.want(204, "a key of a process with the same secrets", header(one.key("k"))...)

	secret, err := os.ReadFile(filepath.Join(folder, "pepper"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"pepper": string(secret[:20]), "store-key": "", "deployment": "not base64", "signing.pem": string(secret)} {
		file := filepath.Join(folder, name)
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = readSecrets(folder, &Common{})
		contains(t, err, name)
		if content != "" && strings.Contains(err.Error(), content) {
			t.Errorf("the error shows the secret: %v", err)
		}
		if err := os.WriteFile(file, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Processes of two neighbouring steps read each other's rows.
func TestTheDeploymentKeyChanges(t *testing.T) {
	server := redis(t, stateConf)
	old, next := random(), random()
	common := alone()
	at := func(step int) *process {
		t.Helper()
		c := common
		c.Limits = alone().Limits // the steps are about the other stores
		if err := inRedis(t.Context(), client(t, server), deploymentKeys(step, old, next), &c); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		return run(t, c)
	}
	for step := 1; step <= 2; step++ {
		before, after := at(step-1), at(step)
		for name, pair := range map[string][2]*process{"forward": {before, after}, "back": {after, before}} {
			login, _ := pair[0].login("alice")
			key := pair[0].key("k")
			pair[1].want(204, fmt.Sprint("a login, step ", step, ", ", name), login...)
			pair[1].want(204, fmt.Sprint("a key, step ", step, ", ", name), header(key)...)
		}
	}
	// Step 3 is too early while rows of the old key live.
	_, err := redisstore.New(t.Context(), redisstore.Config{
		Client: redisstore.Rueidis(client(t, server)), Secrets: deploymentKeys(3, random(), random()),
	})
	contains(t, err, "Secrets")
}
