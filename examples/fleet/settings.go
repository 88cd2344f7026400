package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
)

// settings are what a process needs to know. The parent writes them to the
// stdin of the process, so that no secret is in the arguments, the environment
// or a file, where other programs see it. In production this is the work of a
// secret store: each process gets the same secrets from it.
type settings struct {
	Process   int      // counted from 1
	Instances int      // how many processes share the limits
	BaseURL   string   // of the proxy
	Hosts     []string // that clients may ask for
	Socket    string   // the Unix socket on which the proxy asks

	Limits, State redisServer // two servers, see engines.go
	SQL           string      // "sqlite" or "postgres" if sessions and keys are in SQL
	Database      database    // of the accounts and documents, and of SQL

	Secrets secrets
}

type redisServer struct{ Addr, Password string }

// secrets are the same in all processes. See docs/rotation.md for how each of
// them is changed.
type secrets struct {
	SigningKey []byte // of the access tokens, as PKCS #8
	StoreKey   []byte // of the sessions
	Pepper     []byte // of the API keys
	AccountKey []byte // of the pseudonyms of accounts in the log
	Deployment []byte // binds the rows of the stores to this fleet
}

func newSecrets() (secrets, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return secrets{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return secrets{}, err
	}
	return secrets{SigningKey: der, StoreKey: secret(), Pepper: secret(), AccountKey: secret(), Deployment: secret()}, nil
}

func secret() []byte {
	key := make([]byte, 32)
	rand.Read(key)
	return key
}
