package redisstore_test

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/redisstore"
)

// A service with four processes and one limit for all of them. It starts while
// Redis is down.
func Example() {
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress:       []string{"redis:6379"},
		Password:          os.Getenv("REDIS_PASSWORD"),
		ForceSingleClient: true, // there is a client also if Redis is down
		DisableCache:      true,
		ConnWriteTimeout:  time.Second,
	})
	if client == nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err != nil {
		log.Print(err) // Redis is down: the limits count in memory until it is back
	}

	limits, err := redisstore.NewLimits(redisstore.LimitsConfig{
		Client:    redisstore.Rueidis(client),
		Secret:    []byte(os.Getenv("DEPLOYMENT_KEY")), // 32 random bytes
		Instances: 4,
	})
	if err != nil {
		log.Fatal(err)
	}
	stack, err := bulwark.Chain(
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "100/minute", Store: limits},
	)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(":8080", stack.Wrap(http.NotFoundHandler())))
}

// Two mistakes. A client that repeats commands counts a request twice whenever
// an answer is late: MaxRetries must be -1 in go-redis, as in the Example of
// Client. And InsecureOpen turns every limit off for as long as somebody can
// keep Redis busy, which is what an attacker then does.
func Example_incorrect() {
	client := goredis.NewClient(&goredis.Options{Addr: "redis:6379"}) // repeats a command three times
	_, err := redisstore.NewLimits(redisstore.LimitsConfig{
		Client:   goRedis{client},
		Secret:   []byte(os.Getenv("DEPLOYMENT_KEY")),
		OnOutage: redisstore.InsecureOpen, // write Local, with Instances
	})
	if err != nil {
		log.Fatal(err)
	}
}

// goRedis is a Client that sends commands through go-redis, to one server or to
// the primary that Sentinel names (NewFailoverClient).
type goRedis struct{ client *goredis.Client }

func (c goRedis) Do(ctx context.Context, _ string, commands ...[]string) ([]any, error) {
	pipeline := c.client.Pipeline()
	for _, command := range commands {
		arguments := make([]any, len(command))
		for i := range command {
			arguments[i] = command[i]
		}
		pipeline.Do(ctx, arguments...)
	}
	answers, _ := pipeline.Exec(ctx) // its error is that of one of the answers
	replies := make([]any, len(commands))
	for i, answer := range answers {
		reply, err := answer.(*goredis.Cmd).Result()
		var redisError goredis.Error
		switch {
		case errors.Is(err, goredis.Nil):
		case errors.As(err, &redisError):
			replies[i] = err
		case err != nil:
			return nil, err
		default:
			replies[i] = reply
		}
	}
	return replies, nil
}

// A Client for go-redis. It must not repeat commands, and it must end with its
// context. For a Cluster, ask goredis.ClusterClient.MasterForKey for the client
// of the slot.
func ExampleClient() {
	client := goRedis{goredis.NewClient(&goredis.Options{
		Addr:                  "redis:6379",
		Protocol:              2,    // replies without the types of RESP3
		MaxRetries:            -1,   // a command is sent once
		ContextTimeoutEnabled: true, // a call ends with its context
	})}
	if _, err := redisstore.NewLimits(redisstore.LimitsConfig{Client: client, Secret: []byte(os.Getenv("DEPLOYMENT_KEY"))}); err != nil {
		log.Fatal(err)
	}
}
