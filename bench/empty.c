/*
 * empty.c - what every dynamically linked C program pays.
 */
int main(void)
{
	return 0;
}
