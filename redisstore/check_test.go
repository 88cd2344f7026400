package redisstore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/redisstore"
)

func TestConfigSaysEverythingThatIsWrong(t *testing.T) {
	_, err := redisstore.New(t.Context(), redisstore.Config{
		Secrets: [][]byte{secret(1), []byte("hunter2"), secret(1), []byte("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n")}, Prefix: "a{b}", Timeout: time.Hour, Replicas: 17,
		MaxSessions: -1, MaxKeys: -1, MaxRevocations: -1, MaxProofs: 1,
	})
	if err == nil {
		t.Fatal("nil")
	}
	for _, field := range []string{"Client", "Secrets[1]", "Secrets[2]", "Secrets[3]", "Prefix", "Timeout", "Replicas", "MaxSessions", "MaxKeys", "MaxRevocations", "MaxProofs"} {
		if !strings.Contains(err.Error(), "redisstore."+field+": ") {
			t.Errorf("%s is not in: %v", field, err)
		}
	}
	var fault *bulwark.ConfigError
	if !errors.As(err, &fault) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
	for _, secrets := range [][][]byte{nil, {secret(1), secret(2), secret(3), secret(4), secret(5)}} {
		if _, err := redisstore.New(t.Context(), redisstore.Config{Client: clientFunc(nil), Secrets: secrets}); err == nil || !strings.Contains(err.Error(), "redisstore.Secrets: ") {
			t.Errorf("%d secrets: %v", len(secrets), err)
		}
	}
	for _, prefix := range []string{strings.Repeat("x", 65), "a b", "a*", "ä"} {
		if _, err := redisstore.New(t.Context(), redisstore.Config{Client: clientFunc(nil), Secrets: [][]byte{secret(1)}, Prefix: prefix}); err == nil || !strings.Contains(err.Error(), "redisstore.Prefix: ") {
			t.Errorf("Prefix %q: %v", prefix, err)
		}
	}
}

// A server that evicts is refused, with the words that say what to change.
func TestNewRefusesAServerThatEvicts(t *testing.T) {
	server := startRedis(t, engine.RedisConfig{})
	real := redisstore.Rueidis(dialTo(t, server.Password(), false, server.Addr()))
	config := redisstore.Config{Client: real, Secrets: [][]byte{secret(1)}}
	for _, policy := range []string{"volatile-ttl", "allkeys-lru", "volatile-lfu", "allkeys-random"} {
		raw(t, real, "", "CONFIG", "SET", "maxmemory-policy", policy)
		_, err := redisstore.New(t.Context(), config)
		if err == nil || !strings.Contains(err.Error(), "set maxmemory-policy noeviction") || !strings.Contains(err.Error(), policy) {
			t.Errorf("%s: %v", policy, err)
		}
	}
	raw(t, real, "", "CONFIG", "SET", "maxmemory-policy", "noeviction")
	if _, err := redisstore.New(t.Context(), config); err != nil {
		t.Error(err)
	}
	// A server whose INFO hides the policy is asked with CONFIG GET.
	hidden := func(config any) redisstore.Client {
		return &faulty{Client: real, answer: func(commands [][]string) ([]any, error, bool) {
			switch commands[0][0] {
			case "INFO":
				return []any{"redis_version:7.0.0\r\n", "used_memory:1\r\n"}, nil, true
			case "CONFIG":
				return []any{config}, nil, true
			}
			return nil, nil, false
		}}
	}
	for _, test := range []struct {
		config any
		want   string
	}{
		{[]any{"maxmemory-policy", "noeviction"}, ""},
		{[]any{"maxmemory-policy", "allkeys-lru"}, "set maxmemory-policy noeviction"},
		{errors.New("ERR unknown command 'CONFIG'"), "neither INFO memory nor CONFIG GET"},
		{[]any{}, "neither INFO memory nor CONFIG GET"},
	} {
		config.Client = hidden(test.config)
		if _, err := redisstore.New(t.Context(), config); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v, want %q", test.config, err, test.want)
		}
	}
}

// Each primary of a Cluster is asked.
func TestNewAsksEachPrimary(t *testing.T) {
	engine.Need(t, engine.RedisServer)
	cluster, err := engine.RedisCluster(t.Context(), t.TempDir(), engine.RedisConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	config := redisstore.Config{Client: redisstore.Rueidis(dialTo(t, cluster.Password(), false, cluster.Addrs()...)), Secrets: [][]byte{secret(1)}}
	for i, server := range cluster.Servers {
		set := func(policy string) {
			if _, err := server.Do(t.Context(), "CONFIG", "SET", "maxmemory-policy", policy); err != nil {
				t.Fatal(err)
			}
		}
		set("allkeys-lru")
		if _, err := redisstore.New(t.Context(), config); err == nil || !strings.Contains(err.Error(), "noeviction") {
			t.Errorf("primary %d: %v", i, err)
		}
		set("noeviction")
	}
	config.Replicas = 1 // which this Cluster does not have
	store, err := redisstore.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 { // in several slots
		_, err := store.Replays().Use(t.Context(), fmt.Sprint("client-", i), "id", time.Now().Add(time.Hour))
		if err == nil || !strings.Contains(err.Error(), "0 of 1 replicas") {
			t.Errorf("a write that no replica confirms: %v", err)
		}
	}
}

func TestNewLooksAtVersions(t *testing.T) {
	real := redisstore.Rueidis(redisOf(t))
	for version, good := range map[string]bool{"6.0.16": false, "5.0.14": false, "6.2.0": true, "7.4.1": true, "10.0.0": true, "255.255.255": true, "unstable": true, "": true} {
		config := redisstore.Config{Secrets: [][]byte{secret(1)}, Prefix: fmt.Sprint("version-", prefixes.Add(1)), Client: &faulty{Client: real,
			answer: func(commands [][]string) ([]any, error, bool) {
				return []any{"# Server\r\nredis_version:" + version + "\r\n", "maxmemory_policy:noeviction\r\n"}, nil, commands[0][0] == "INFO"
			}}}
		if _, err := redisstore.New(t.Context(), config); (err == nil) != good || err != nil && !strings.Contains(err.Error(), "6.2") {
			t.Errorf("%s: %v", version, err)
		}
	}
	var prefix string
	open(t, real, func(c *redisstore.Config) { prefix = c.Prefix })
	key := "{" + prefix + ":s}schema"
	raw(t, real, key, "SET", key, "2:0123456789abcdef")
	_, err := redisstore.New(t.Context(), redisstore.Config{Client: real, Secrets: [][]byte{secret(1)}, Prefix: prefix})
	if err == nil || !strings.Contains(err.Error(), `version "2"`) {
		t.Errorf("rows of another version: %v", err)
	}
	raw(t, real, key, "DEL", key)
	raw(t, real, key, "LPUSH", key, "junk")
	if _, err := redisstore.New(t.Context(), redisstore.Config{Client: real, Secrets: [][]byte{secret(1)}, Prefix: prefix}); err == nil {
		t.Error("junk in place of the version: nil")
	}
}

// What Redis refuses because of a mistake of the deployment comes with advice.
func TestNewSaysWhatToCorrect(t *testing.T) {
	for text, want := range map[string]string{
		"MOVED 14844 127.0.0.1:11451":                                    "without ForceSingleClient",
		"READONLY You can't write against a read only replica.":          "connect to the primary",
		"NOPERM this user has no permissions to run the 'setnx' command": "keys and commands",
	} {
		refused := errors.New(text)
		_, err := redisstore.New(t.Context(), redisstore.Config{Secrets: [][]byte{secret(1)}, Client: &faulty{answer: func(commands [][]string) ([]any, error, bool) {
			if commands[0][0] == "INFO" {
				return []any{"redis_version:7.0.15\r\n", "maxmemory_policy:noeviction\r\n"}, nil, true
			}
			return []any{refused, refused}, nil, true
		}}})
		if !errors.Is(err, refused) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "other programs") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestNewNeedsRedis(t *testing.T) {
	for name, answer := range map[string]func([][]string) ([]any, error, bool){
		"no connection": func([][]string) ([]any, error, bool) { return nil, errNetwork, true },
		"loading": func([][]string) ([]any, error, bool) {
			err := errors.New("LOADING Redis is loading the dataset in memory")
			return []any{err, err}, nil, true
		},
	} {
		if _, err := redisstore.New(t.Context(), redisstore.Config{Client: &faulty{answer: answer}, Secrets: [][]byte{secret(1)}}); err == nil {
			t.Errorf("%s: nil", name)
		}
	}
}

// A Store that New has not made refuses everything with the error that says so.
func TestAStoreWithoutNew(t *testing.T) {
	for _, store := range []*redisstore.Store{nil, {}} {
		for name, call := range map[string]func() error{
			"session Create": func() error { _, err := store.Sessions().Create(t.Context(), session.Session{}, 1, nil); return err },
			"session Get":    func() error { _, err := store.Sessions().Get(t.Context(), "a"); return err },
			"session List":   func() error { _, err := store.Sessions().List(t.Context(), session.Filter{}); return err },
			"session Touch":  func() error { return store.Sessions().Touch(t.Context(), "a", 0) },
			"session Update": func() error { return store.Sessions().Update(t.Context(), session.Session{}) },
			"session Sweep":  func() error { return store.Sessions().Sweep(t.Context()) },
			"key Get":        func() error { _, err := store.Keys().Get(t.Context(), "a"); return err },
			"key List":       func() error { _, err := store.Keys().List(t.Context(), apikey.Filter{}); return err },
			"key Create":     func() error { return store.Keys().Create(t.Context(), apikey.Record{}) },
			"key Mark":       func() error { _, err := store.Keys().Mark(t.Context(), "a", apikey.Used, time.Now(), 0); return err },
			"RevokeOwner":    func() error { return store.Keys().RevokeOwner(t.Context(), "i", "s", time.Now(), time.Now()) },
			"Revoke": func() error {
				return store.Revocations().Revoke(t.Context(), auth.Revocation{Issuer: "i", TokenID: "t"})
			},
			"Revoked": func() error {
				_, err := store.Revocations().Revoked(t.Context(), &bulwark.Principal{TokenID: "t"})
				return err
			},
			"Use":    func() error { _, err := store.Replays().Use(t.Context(), "c", "i", time.Now()); return err },
			"Sweep":  func() error { return store.Sweep(t.Context()) },
			"Reseal": func() error { _, err := store.Reseal(t.Context()); return err },
		} {
			var fault *bulwark.ConfigError
			if err := call(); !errors.As(err, &fault) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestAStoreDoesNotShowItsSecrets(t *testing.T) {
	store := open(t, redisstore.Rueidis(redisOf(t)), func(c *redisstore.Config) {
		c.Secrets = [][]byte{[]byte(strings.Repeat("hunter2", 5))}
		c.Prefix = "shown"
	})
	config := redisstore.Config{Secrets: [][]byte{[]byte(strings.Repeat("hunter2", 5))}, Prefix: "shown"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{store, config, &config} {
			text := fmt.Sprintf(verb, value)
			if !strings.Contains(text, "shown") || strings.Contains(text, "hunter2") || strings.Contains(text, "68756e74") || strings.Contains(text, "104 117") {
				t.Errorf("%s: %s", verb, text)
			}
		}
		if text := fmt.Sprintf(verb, store.Sessions()); strings.Contains(text, "104 117") || strings.Contains(text, "68756e74") {
			t.Errorf("%s of Sessions: %s", verb, text)
		}
	}
	for _, value := range []any{store, config, &config} {
		text, err := json.Marshal(value)
		if err != nil || strings.Contains(string(text), "aHVudGVy") {
			t.Errorf("JSON: %s, %v", text, err)
		}
	}
}
