package main

import (
	"sort"
	"sync"
	"time"
)

// crowd runs the same work on many connections until the time is over or the count is reached.
type crowd struct {
	lock     sync.Mutex
	taken    int
	result   result
	duration []float64
}

type worker func(w *wire, number int) (bytes int64, err error)

func (c *crowd) fail(err error) {
	c.result.Failures++
	if len(c.result.Examples) < 5 {
		c.result.Examples = append(c.result.Examples, err.Error())
	}
}

func run(j job, work worker) (result, error) {
	c := &crowd{}
	wires := make([]*wire, j.Connections)
	for i := range wires {
		w, err := dial(j.Address)
		if err != nil {
			return c.result, err
		}
		wires[i] = w
	}
	start := time.Now()
	deadline := start.Add(time.Duration(j.Seconds * float64(time.Second)))
	var all sync.WaitGroup
	for _, w := range wires {
		all.Add(1)
		go func(w *wire) {
			defer all.Done()
			c.loop(j, w, deadline, work)
		}(w)
	}
	all.Wait()
	c.result.Seconds = time.Since(start).Seconds()
	sort.Float64s(c.duration)
	if n := len(c.duration); n > 0 {
		c.result.P50 = c.duration[n/2]
		c.result.P99 = c.duration[n*99/100]
	}
	return c.result, nil
}

func (c *crowd) loop(j job, w *wire, deadline time.Time, work worker) {
	defer func() { w.close() }()
	for {
		c.lock.Lock()
		number := c.taken
		over := j.Count > 0 && number >= j.Count || j.Count == 0 && time.Now().After(deadline)
		if !over {
			c.taken++
		}
		c.lock.Unlock()
		if over {
			return
		}
		begin := time.Now()
		bytes, err := work(w, number)
		took := time.Since(begin).Seconds()
		c.lock.Lock()
		if err != nil {
			c.fail(err)
		} else {
			c.result.Operations++
			c.result.Bytes += bytes
			c.duration = append(c.duration, took)
		}
		giveUp := c.result.Failures > 100
		c.lock.Unlock()
		if giveUp {
			return
		}
		if err != nil {
			w.close()
			fresh, err := dial(j.Address)
			if err != nil {
				return
			}
			w = fresh
		}
	}
}
