// Package redisstore keeps the state of several processes in Redis or Valkey.
package redisstore
