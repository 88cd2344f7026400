package transport_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/headers/transport"
)

// certificate returns a self-signed certificate for 127.0.0.1 and the pool that
// trusts it.
func certificate(t *testing.T, key crypto.Signer) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func ecdsaKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// handshake connects a client to a server over a loopback connection and
// exchanges a byte, so that TLS 1.3 session tickets arrive.
func handshake(t *testing.T, server, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		secure := tls.Server(conn, server)
		if secure.Handshake() != nil {
			return
		}
		secure.Write([]byte("x"))
		secure.Read(make([]byte, 1))
	}()
	defer func() { <-served }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	secure := tls.Client(conn, client)
	if err := secure.Handshake(); err != nil {
		return tls.ConnectionState{}, err
	}
	if _, err := secure.Read(make([]byte, 1)); err != nil {
		return tls.ConnectionState{}, err
	}
	return secure.ConnectionState(), nil
}

func TestTLSVersions(t *testing.T) {
	cert, pool := certificate(t, ecdsaKey(t))
	server := transport.TLS()
	server.Certificates = []tls.Certificate{cert}
	for _, test := range []struct {
		name    string
		version uint16
		ok      bool
	}{
		{"TLS10", tls.VersionTLS10, false},
		{"TLS11", tls.VersionTLS11, false},
		{"TLS12", tls.VersionTLS12, true},
		{"TLS13", tls.VersionTLS13, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			state, err := handshake(t, server, &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: test.version, MaxVersion: test.version})
			if (err == nil) != test.ok {
				t.Fatalf("handshake error is %v, want success %t", err, test.ok)
			}
			if test.ok && state.Version != test.version {
				t.Errorf("negotiated %x, want %x", state.Version, test.version)
			}
		})
	}
}

// Every suite that crypto/tls can offer for TLS 1.2 is offered alone.
func TestTLS12Suites(t *testing.T) {
	want := map[string][]uint16{
		"ECDSA": {tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		"RSA":   {tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
	}
	for name, key := range map[string]crypto.Signer{"ECDSA": ecdsaKey(t), "RSA": rsaKey(t)} {
		t.Run(name, func(t *testing.T) {
			cert, pool := certificate(t, key)
			server := transport.TLS()
			server.Certificates = []tls.Certificate{cert}
			var accepted []uint16
			tried := 0
			for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
				if !slices.Contains(suite.SupportedVersions, tls.VersionTLS12) {
					continue
				}
				tried++
				_, err := handshake(t, server, &tls.Config{RootCAs: pool, ServerName: "localhost",
					MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID}})
				if err == nil {
					accepted = append(accepted, suite.ID)
				}
			}
			if tried < 15 {
				t.Fatalf("only %d suites tried", tried)
			}
			if !slices.Equal(accepted, want[name]) {
				t.Errorf("accepted %x, want %x", accepted, want[name])
			}
		})
	}
}

func TestTLSKeyExchange(t *testing.T) {
	cert, pool := certificate(t, ecdsaKey(t))
	server := transport.TLS()
	server.Certificates = []tls.Certificate{cert}
	for _, test := range []struct {
		name   string
		offers []tls.CurveID
		want   tls.CurveID // 0: refused
	}{
		{"all", nil, tls.X25519MLKEM768},
		{"hybrid_offered_last", []tls.CurveID{tls.CurveP256, tls.X25519, tls.X25519MLKEM768}, tls.X25519MLKEM768},
		{"classical", []tls.CurveID{tls.X25519}, tls.X25519},
		{"P256", []tls.CurveID{tls.CurveP256}, tls.CurveP256},
		{"P384", []tls.CurveID{tls.CurveP384}, tls.CurveP384},
		{"P521", []tls.CurveID{tls.CurveP521}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			state, err := handshake(t, server, &tls.Config{RootCAs: pool, ServerName: "localhost", CurvePreferences: test.offers})
			if (err == nil) != (test.want != 0) {
				t.Fatalf("handshake error is %v, want success %t", err, test.want != 0)
			}
			if state.CurveID != test.want {
				t.Errorf("agreed on %v, want %v", state.CurveID, test.want)
			}
		})
	}
}

func TestTLSResumption(t *testing.T) {
	type step struct {
		after   time.Duration // since the first handshake
		resumed bool
	}
	for _, test := range []struct {
		name    string
		version uint16
		steps   []step
	}{
		{"TLS12_within_a_day", tls.VersionTLS12, []step{{0, false}, {23 * time.Hour, true}}},
		{"TLS12_after_a_day", tls.VersionTLS12, []step{{0, false}, {24*time.Hour + time.Second, false}}},
		// The master secret is the one of the first handshake, however often it
		// is resumed.
		{"TLS12_renewed", tls.VersionTLS12, []step{{0, false}, {20 * time.Hour, true}, {23 * time.Hour, true}, {25 * time.Hour, false}, {26 * time.Hour, true}}},
		{"TLS13_within_a_day", tls.VersionTLS13, []step{{0, false}, {23 * time.Hour, true}}},
		{"TLS13_after_a_day", tls.VersionTLS13, []step{{0, false}, {24*time.Hour + time.Second, false}}},
		// Here each resumption agrees upon a new secret.
		{"TLS13_renewed", tls.VersionTLS13, []step{{0, false}, {20 * time.Hour, true}, {40 * time.Hour, true}, {65 * time.Hour, false}}},
		// A clock that was set back must not make sessions young again.
		{"TLS13_clock_set_back", tls.VersionTLS13, []step{{0, false}, {-2 * time.Minute, false}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cert, pool := certificate(t, ecdsaKey(t))
			start := time.Now()
			now := start
			server := transport.TLS()
			server.Certificates = []tls.Certificate{cert}
			server.Time = func() time.Time { return now }
			client := &tls.Config{RootCAs: pool, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(1),
				MinVersion: test.version, MaxVersion: test.version, Time: func() time.Time { return now }}
			for i, step := range test.steps {
				now = start.Add(step.after)
				// A clone, as net/http makes one of each server's
				// configuration.
				state, err := handshake(t, server.Clone(), client)
				if err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
				if state.DidResume != step.resumed {
					t.Errorf("step %d, %s after the first: resumed is %t, want %t", i, step.after, state.DidResume, step.resumed)
				}
			}
		})
	}
}

// A ticket of somebody who has the same keys and does not stamp is not resumed.
func TestTLSResumptionWithoutStamp(t *testing.T) {
	cert, pool := certificate(t, ecdsaKey(t))
	key := [32]byte{1, 2, 3}
	ours := transport.TLS()
	ours.Certificates = []tls.Certificate{cert}
	ours.SetSessionTicketKeys([][32]byte{key})
	theirs := &tls.Config{Certificates: []tls.Certificate{cert}}
	theirs.SetSessionTicketKeys([][32]byte{key})
	client := &tls.Config{RootCAs: pool, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	for i, test := range []struct {
		server  *tls.Config
		resumed bool
	}{{theirs, false}, {theirs, true}, {ours, false}, {ours, true}} {
		state, err := handshake(t, test.server, client)
		if err != nil {
			t.Fatal(err)
		}
		if state.DidResume != test.resumed {
			t.Errorf("connection %d: resumed is %t, want %t", i, state.DidResume, test.resumed)
		}
	}
}

// A ticket from a listener that asks for any certificate must not open one that
// checks them: both are clones, and have the same ticket keys.
func TestTLSResumptionWithClientCertificate(t *testing.T) {
	for name, version := range map[string]uint16{"TLS12": tls.VersionTLS12, "TLS13": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			cert, pool := certificate(t, ecdsaKey(t))
			theirs, _ := certificate(t, ecdsaKey(t))
			base := transport.TLS()
			base.Certificates = []tls.Certificate{cert}
			public, admin := base.Clone(), base.Clone()
			public.ClientAuth = tls.RequestClientCert
			admin.ClientAuth = tls.RequireAnyClientCert
			checked := 0
			admin.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error {
				checked++
				return errors.New("not on the list")
			}
			client := &tls.Config{RootCAs: pool, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(1),
				MinVersion: version, MaxVersion: version, Certificates: []tls.Certificate{theirs}}
			for i := range 2 {
				state, err := handshake(t, public, client)
				if err != nil {
					t.Fatal(err)
				}
				if state.DidResume {
					t.Errorf("connection %d with a client certificate was resumed", i)
				}
			}
			if _, err := handshake(t, admin, client); err == nil || checked != 1 {
				t.Errorf("handshake error is %v after %d checks, want one after one", err, checked)
			}
			// Without a certificate of the client nothing is lost.
			client.Certificates, client.ClientSessionCache = nil, tls.NewLRUClientSessionCache(1)
			for i := range 2 {
				state, err := handshake(t, public, client)
				if err != nil {
					t.Fatal(err)
				}
				if state.DidResume != (i == 1) {
					t.Errorf("connection %d without a certificate: resumed is %t", i, state.DidResume)
				}
			}
		})
	}
}

func TestTLSIsOnesOwn(t *testing.T) {
	one := transport.TLS()
	one.CipherSuites[0], one.CurvePreferences[0], one.MinVersion = 0, 0, tls.VersionTLS10
	two := transport.TLS()
	if two.CipherSuites[0] == 0 || two.CurvePreferences[0] == 0 || two.MinVersion != tls.VersionTLS12 {
		t.Error("changing one configuration changed the next")
	}
}
