// SPDX-License-Identifier: Apache-2.0

// Decodes a binlog file with go-mysql and counts its rows; every value is decoded, nothing is printed.
//
//	gomysql mysql|mariadb FILE
package main

import (
	"fmt"
	"os"

	"github.com/go-mysql-org/go-mysql/replication"
)

func main() {
	rows := 0
	parser := replication.NewBinlogParser()
	parser.SetVerifyChecksum(true)
	parser.SetFlavor(os.Args[1])
	err := parser.ParseFile(os.Args[2], 0, func(event *replication.BinlogEvent) error {
		count(event, &rows)
		return nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("{\"rows\":%d}\n", rows)
}

func count(event *replication.BinlogEvent, rows *int) {
	switch e := event.Event.(type) {
	case *replication.RowsEvent:
		if e.Type() == replication.EnumRowsEventTypeUpdate {
			*rows += len(e.Rows) / 2
		} else {
			*rows += len(e.Rows)
		}
	case *replication.TransactionPayloadEvent:
		for _, inner := range e.Events {
			count(inner, rows)
		}
	}
}
