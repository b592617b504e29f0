// The load generator of the benchmarks: one job in as JSON on stdin, one result out as JSON on stdout.
// It shares its cores with the server under test, so it does little: one goroutine per connection, requests written
// from prepared bytes, answers compared in place.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
)

type job struct {
	Kind        string    `json:"kind"`
	Address     string    `json:"address"`
	Connections int       `json:"connections"`
	Seconds     float64   `json:"seconds"`
	Count       int       `json:"count"`
	Requests    []request `json:"requests"`
	Repository  string    `json:"repository"`
	Flow        string    `json:"flow"`
	Nonce       uint64    `json:"nonce"`
	Size        int64     `json:"size"`
	Chunk       int64     `json:"chunk"`
	Piece       int       `json:"piece"`
	Interval    float64   `json:"interval"`
	Directory   string    `json:"directory"`
	Headers     []string  `json:"headers"`
}

type result struct {
	Operations int      `json:"operations"`
	Bytes      int64    `json:"bytes"`
	Seconds    float64  `json:"seconds"`
	P50        float64  `json:"p50"`
	P99        float64  `json:"p99"`
	Failures   int      `json:"failures"`
	Examples   []string `json:"examples"`
	Detail     any      `json:"detail,omitempty"`
}

func main() {
	runtime.GOMAXPROCS(1)
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		fmt.Fprintln(os.Stderr, "the job is not JSON:", err)
		os.Exit(2)
	}
	kinds := map[string]func(job) (result, error){
		"fetch": fetch, "images": images, "upload": upload, "dribble": dribble, "seed": seed, "limits": limits,
	}
	run, known := kinds[j.Kind]
	if !known {
		fmt.Fprintln(os.Stderr, "unknown kind of job:", j.Kind)
		os.Exit(2)
	}
	r, err := run(j)
	if err != nil {
		fmt.Fprintln(os.Stderr, j.Kind+":", err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		os.Exit(1)
	}
}
