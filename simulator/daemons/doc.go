// Package daemons runs database and Redis servers as children of a test.
//
// Contract. A Home holds the data of all, in memory where the system has /dev/shm; MariaDB and Redis start a server and return when it
// answers. A child dies with its parent, however that ends. What a killed parent left in memory the next Home removes. The programs
// are those of the Debian packages mariadb-server-core and redis-server; Missing tells which is not there. Safe for concurrent use.
package daemons
