/* source.h: door of the room that turns bytes into staged rows. */
#ifndef FLITMIG_SOURCE_H
#define FLITMIG_SOURCE_H
#include "flitmig.h"
#endif
