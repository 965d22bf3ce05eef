package main

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// ping opens a TCP connection every tenth of a second and, when it is ended, prints how long each took, in ms: a round
// trip of the smallest packets, through the same queues as everybody's.
func ping(arguments []string) error {
	if len(arguments) != 1 {
		return errors.New("usage: sjbench ping ADDRESS:PORT")
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	ticker := time.NewTicker(100 * time.Millisecond)
	results := make(chan float64, 1024)
	var times []float64
	for {
		select {
		case <-ticker.C:
			go func() {
				begin := time.Now()
				connection, err := net.DialTimeout("tcp", arguments[0], 10*time.Second)
				if err != nil {
					return
				}
				results <- float64(time.Since(begin)) / 1e6
				_ = connection.Close()
			}()
		case took := <-results:
			times = append(times, took)
		case <-stop:
			return json.NewEncoder(os.Stdout).Encode(times)
		}
	}
}
