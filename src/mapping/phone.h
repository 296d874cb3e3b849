/*
 * phone.h
 *		What C sees of libphonenumber; no server header here, so that C++ can include it.
 */
#ifndef FLITMIG_PHONE_H
#define FLITMIG_PHONE_H

#ifdef __cplusplus
extern "C"
{
#endif

	typedef struct PhoneNumber
	{
		char national[24];	/* digits, with a leading zero where it belongs to the number */
		char country[3];	/* ISO 3166 */
		char calling[8];	/* "+1" */
		char extension[16]; /* empty when there is none */
	} PhoneNumber;

/*
 * Reads one number that may be written as in the given country (ISO 3166, or
 * "ZZ" for none).  1 when it is valid and belongs to a country, else 0.
 * Throws nothing, allocates nothing that the caller must free.
 */
#ifdef __cplusplus
	int flitmig_phone_read(const char *data, int length, const char *country, PhoneNumber *result) noexcept;
#else
extern int flitmig_phone_read(const char *data, int length, const char *country, PhoneNumber *result);
#endif

#ifdef __cplusplus
}
#endif

#endif /* FLITMIG_PHONE_H */
