package redisstore_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/redis/rueidis"

	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/redisstore"
)

// All processes of a service share one Store. One of them sweeps.
func ExampleNew() {
	ctx := context.Background()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"127.0.0.1:6379"}, DisableCache: true})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	store, err := redisstore.New(ctx, redisstore.Config{
		Client:   redisstore.Rueidis(client),
		Secrets:  [][]byte{[]byte(os.Getenv("DEPLOYMENT_KEY"))}, // 32 random bytes
		Prefix:   "shop",
		Replicas: 1, // an answered write survives a failover
	})
	if err != nil {
		panic(err) // it says what to change, such as the maxmemory-policy
	}
	_ = session.Config{Store: store.Sessions() /* … */}
	_ = apikey.Config{Store: store.Keys() /* … */}
	_ = jwt.Config{Revocations: store.Revocations() /* … */}
	_ = dpop.Config{Replays: store.Replays() /* … */}

	go func() {
		for range time.Tick(5 * time.Minute) {
			if err := store.Sweep(ctx); err != nil {
				slog.Warn("sweep", "error", err)
			}
		}
	}()
}

// New says everything that is wrong at once, and never a secret.
func ExampleNew_incorrect() {
	_, err := redisstore.New(context.Background(), redisstore.Config{
		Secrets: [][]byte{[]byte("changeme")},
		Prefix:  "{shop}",
	})
	fmt.Println(err)
	// Output:
	// redisstore.Client: is nil; write redisstore.Rueidis(client)
	// redisstore.Secrets[0]: must have at least 32 random bytes
	// redisstore.Prefix: {shop}: must be 1 to 64 letters, digits and "-_.:", such as "shop"
}
