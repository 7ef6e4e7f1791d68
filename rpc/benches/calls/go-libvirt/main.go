// Calls through go-libvirt; at a depth above 1 from as many goroutines.
// Usage: go-libvirt SOCKET NAME info|xml DEPTH SECONDS
// Prints: CALLS CPU_MICROSECONDS ELAPSED_MICROSECONDS P50_NANOSECONDS P99_NANOSECONDS
package main

import (
	"fmt"
	"log"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/digitalocean/go-libvirt"
	"github.com/digitalocean/go-libvirt/socket/dialers"
)

func cpu() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return (usage.Utime.Nano() + usage.Stime.Nano()) / 1000
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		log.Fatal(err)
	}
	return n
}

func main() {
	if len(os.Args) != 6 {
		log.Fatal("usage: go-libvirt SOCKET NAME info|xml DEPTH SECONDS")
	}
	depth := number(os.Args[4])
	duration := time.Duration(number(os.Args[5])) * time.Second
	client := libvirt.NewWithDialer(dialers.NewLocal(dialers.WithSocket(os.Args[1])))
	if err := client.ConnectToURI(libvirt.ConnectURI(os.Args[2])); err != nil {
		log.Fatal(err)
	}
	domain, err := client.DomainLookupByName("test")
	if err != nil {
		log.Fatal(err)
	}
	call := func() error {
		_, _, _, _, _, err := client.DomainGetInfo(domain)
		return err
	}
	if os.Args[3] == "xml" {
		call = func() error {
			_, err := client.DomainGetXMLDesc(domain, 0)
			return err
		}
	}

	times := make([][]int64, depth)
	for i := range times {
		times[i] = make([]int64, 0, 1<<20)
	}
	var workers sync.WaitGroup
	start, used := time.Now(), cpu()
	for i := range times {
		workers.Add(1)
		go func() {
			defer workers.Done()
			last := start
			for last.Sub(start) < duration {
				if err := call(); err != nil {
					log.Fatal(err)
				}
				now := time.Now()
				times[i] = append(times[i], now.Sub(last).Nanoseconds())
				last = now
			}
		}()
	}
	workers.Wait()
	elapsed := time.Since(start)
	used = cpu() - used

	all := slices.Concat(times...)
	slices.Sort(all)
	at := func(percent int) int64 { return all[(len(all)-1)*percent/100] }
	fmt.Println(len(all), used, elapsed.Microseconds(), at(50), at(99))
	if err := client.Disconnect(); err != nil {
		log.Fatal(err)
	}
}
